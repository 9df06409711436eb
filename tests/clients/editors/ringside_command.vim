" The script that `ringside ide neovim` has written into this folder: its command starts the machine and gdb.
" Exit status 0 if everything was as it should be.

execute 'source' expand('<sfile>:h') .. '/waiting.vim'
source ringside.vim
execute 'source' expand('<sfile>:h') .. '/pieces.vim'
Ringside
call WaitUntil('the first instruction', {-> At('boot64.S') > 0})
call TermDebugSendCommand('break step')
call TermDebugSendCommand('continue')
call WaitUntil('the breakpoint', {-> At('work.cpp') > 0})
call TermDebugSendCommand('delete 1')
call TermDebugSendCommand('tbreak initialise_demand_paging')
call TermDebugSendCommand('set confirm off')  " the program has been started already
call TermDebugSendCommand('run')
call WaitUntil('what runs once, after a fresh start', {-> At('paging.cpp') > 0})
qall!
