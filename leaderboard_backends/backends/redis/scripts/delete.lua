-- Deletes all keys of the board, its description included.
unlink_players()
call('UNLINK', meta, changes)
return 1
