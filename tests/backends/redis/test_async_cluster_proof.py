"""All that holds for boards over a cluster holds for those of asyncio programs: the same tests, on coroutines."""

from __future__ import annotations

import pytest

from . import test_cluster, test_cluster_faults, test_cluster_replicas
from .blocking_cluster import adopted, open_board

pytestmark = pytest.mark.proof

__all__ = ["open_board"]

globals().update(adopted(test_cluster, test_cluster_faults, test_cluster_replicas, quick=False))
