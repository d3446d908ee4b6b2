-- Returns where the board went, or nil.
return found[6]
