" For scripts that drive termdebug: they wait for what they want to see, and say what they see instead.

let s:patience = 20000 * str2float(empty($RINGSIDE_TEST_TIMEOUT_FACTOR) ? '1' : $RINGSIDE_TEST_TIMEOUT_FACTOR)

function g:Fail(what)
  call writefile(['Neovim never came to: ' .. a:what, 'it shows ' .. bufname() .. ':' .. line('.')], '/dev/stderr')
  for l:buffer in getbufinfo()
    call writefile(['-- ' .. l:buffer.name] + filter(getbufline(l:buffer.bufnr, 1, '$'), 'v:val !=# ""')[-30:], '/dev/stderr')
  endfor
  cquit
endfunction

function g:WaitUntil(what, condition)
  if wait(float2nr(s:patience), a:condition, 50) != 0
    call g:Fail(a:what)
  endif
endfunction

" The source window's file and line, once termdebug has marked the line at which the guest has stopped.
function g:At(file)
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
