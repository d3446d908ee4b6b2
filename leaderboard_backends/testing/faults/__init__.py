"""Faults on real servers and real files: what a board loses, doubles or tears when they happen in the middle of writes.

They stand beside the conformance kit, for backends that keep data outside the process. An author writes one of::

    from leaderboard_backends.testing import FileFaults, ServerFaults

    class TestMyFileFaults(FileFaults):
        def make_in(self, directory, **options):
            return MyBoard(directory / "board.db", **options)

    class TestMyServerFaults(ServerFaults):
        def start_server(self, directory):
            return MyServer(directory).start()

        def make_at(self, port, **options):
            return MyBoard("127.0.0.1", port, timeout=self.reply_timeout, **options)

Importing this package costs nothing and needs nothing; the two classes need the extra `testing`.
"""
