" Neovim hands over gdb's output in pieces. Its termdebug takes each piece for whole lines, and loses a stop that comes in two. This,
" sourced after termdebug, puts the pieces together: the last one is the start of a line, or empty.
function! s:Pieces(job, pieces, event)
  let l:lines = copy(a:pieces)
  let l:lines[0] = s:rest .. l:lines[0]
  let s:rest = remove(l:lines, -1)
  call s:Lines(a:job, l:lines, a:event)
endfunction

let s:reader = '<SNR>' .. matchstr(execute('scriptnames'), '\d\+\ze: [^\n]*termdebug/plugin/termdebug\.vim') .. '_CommOutput'
if has('nvim') && exists('*' .. s:reader) && !exists('s:Lines')
  let s:rest = ''
  let s:Lines = funcref(s:reader)
  execute 'function!' s:reader .. "(job, pieces, event)\ncall s:Pieces(a:job, a:pieces, a:event)\nendfunction"
endif
