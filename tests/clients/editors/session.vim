" Neovim's termdebug on a guest kernel, without a terminal: attach, break, look, step.
" The environment gives KERNEL and PORT. Exit status 0 if everything was as it should be.

let s:patience = 60000 * str2float(empty($RINGSIDE_TEST_TIMEOUT_FACTOR) ? '1' : $RINGSIDE_TEST_TIMEOUT_FACTOR)

function s:Fail(what)
  call writefile(['Neovim never came to: ' .. a:what, 'it shows ' .. bufname() .. ':' .. line('.')], '/dev/stderr')
  for l:buffer in getbufinfo()
    call writefile(['-- ' .. l:buffer.name] + filter(getbufline(l:buffer.bufnr, 1, '$'), 'v:val !=# ""')[-30:], '/dev/stderr')
  endfor
  cquit
endfunction

function s:WaitUntil(what, condition)
  if wait(float2nr(s:patience), a:condition, 50) != 0
    call s:Fail(a:what)
  endif
endfunction

" The source window's file and line, once termdebug has marked the line at which the guest has stopped.
function s:At(file)
  for l:window in getwininfo()
    if fnamemodify(bufname(l:window.bufnr), ':t') ==# a:file
      for l:sign in sign_getplaced(l:window.bufnr, {'group': '*'})[0].signs
        if l:sign.name ==# 'debugPC'
          return l:sign.lnum
        endif
      endfor
    endif
  endfor
  return 0
endfunction

packadd termdebug
let g:termdebugger = 'gdb'
execute 'Termdebug -nx' $KERNEL
call s:WaitUntil('gdb', {-> exists(':Continue') == 2})
call TermDebugSendCommand('target remote 127.0.0.1:' .. $PORT)
call s:WaitUntil('the first instruction', {-> s:At('boot64.S') > 0})
call TermDebugSendCommand('break step')
call TermDebugSendCommand('continue')
call s:WaitUntil('the breakpoint', {-> s:At('work.cpp') > 0})
let s:line = s:At('work.cpp')
call TermDebugSendCommand('next')
call s:WaitUntil('the next line', {-> s:At('work.cpp') > s:line})
call TermDebugSendCommand('detach')
qall!
