"""The report, on results whose figures are made up: what is tested is what is said of them."""
