"""What follows from a result, on results whose figures are made up: what is tested is arithmetic."""
