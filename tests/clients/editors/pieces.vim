" Sourced after ringside.vim: termdebug gets all that gdb says in pieces of three bytes. On a busy machine some lines come in pieces.

let s:reader = '<SNR>' .. matchstr(execute('scriptnames'), '\d\+\ze: [^\n]*termdebug/plugin/termdebug\.vim') .. '_CommOutput'
let s:Whole = funcref(s:reader)

function! s:InPieces(job, pieces, event)
  let l:text = join(a:pieces, "\n")
  while l:text !=# ''
    call s:Whole(a:job, split(strpart(l:text, 0, 3), "\n", 1), a:event)
    let l:text = strpart(l:text, 3)
  endwhile
endfunction

execute 'function!' s:reader .. "(job, pieces, event)\ncall s:InPieces(a:job, a:pieces, a:event)\nendfunction"
