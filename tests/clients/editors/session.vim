" Neovim's termdebug on a guest kernel, without a terminal: attach, break, look, step, step back.
" The folder has the ringside.vim of `ringside ide neovim`, which loads termdebug. The environment gives KERNEL and PORT. Exit status 0 if everything was as it should be.

execute 'source' expand('<sfile>:h') .. '/waiting.vim'
source ringside.vim
execute 'source' expand('<sfile>:h') .. '/pieces.vim'
let g:termdebugger = 'gdb'
execute 'Termdebug -nx' $KERNEL
call WaitUntil('gdb', {-> exists(':Continue') == 2})
call TermDebugSendCommand('target remote 127.0.0.1:' .. $PORT)
call WaitUntil('the first instruction', {-> At('boot64.S') > 0})
call TermDebugSendCommand('break step')
call TermDebugSendCommand('continue')
call WaitUntil('the breakpoint', {-> At('work.cpp') > 0})
let s:line = At('work.cpp')
call TermDebugSendCommand('monitor record on')
call TermDebugSendCommand('next')
call WaitUntil('the next line', {-> At('work.cpp') > s:line})
call TermDebugSendCommand('reverse-next')
call WaitUntil('the line before', {-> At('work.cpp') == s:line})
call TermDebugSendCommand('detach')
qall!
