"""The built-in backends, one module or package each; a backend knows no other."""
