-- Returns where the board was moved, or nil.
return found[6]
