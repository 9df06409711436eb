;;; Emacs's M-x gdb on a guest kernel, without a terminal: attach, break, look, step, step back, detach.
;; The environment gives KERNEL and PORT. Exit status 0 if everything was as it should be.

(load (expand-file-name "waiting.el" (file-name-directory load-file-name)) nil t)
(require 'gdb-mi)
(setq gdb-show-main t
      gud-gdb-command-name "gdb -i=mi -nx")

(defun stopped-in (function)
  (and (not gud-running) gdb-selected-frame (string-match-p function gdb-selected-frame)))

(defun top-line () (cdr gud-last-last-frame))

(defvar mode-is-settled nil)
(advice-add 'gdb-check-target-async :after (lambda () (setq mode-is-settled t)))

(gdb (concat gud-gdb-command-name " " (getenv "KERNEL")))
(wait-until "gdb's prompt" (lambda () gdb-first-done-or-error))
(wait-until "the answer that there is no target for non-stop mode" (lambda () mode-is-settled))
(gud-basic-call (concat "target remote 127.0.0.1:" (getenv "PORT")))
(wait-until "the first instruction" (lambda () (stopped-in "pvh_entry")))

(gud-basic-call "break step")
(wait-until "the breakpoint in the list" (lambda () gdb-breakpoints-list))
(gud-basic-call "continue")
(wait-until "the breakpoint" (lambda () (and (stopped-in "^step") gud-last-last-frame)))
(unless (string-suffix-p "work.cpp" (car gud-last-last-frame))
  (error "Emacs shows %S" gud-last-last-frame))

(let ((line (top-line)))
  (gud-basic-call "monitor record on")
  (gud-basic-call "next")
  (wait-until "the next line" (lambda () (and (stopped-in "^step") (/= line (top-line)))))
  (gud-basic-call "reverse-next")
  (wait-until "the line before" (lambda () (and (stopped-in "^step") (= line (top-line))))))

(gud-basic-call "delete")
(gud-basic-call "detach")
(wait-until "the end of the session" (lambda () (with-current-buffer gud-comint-buffer
                                                  (string-match-p "detached" (buffer-string)))))
(kill-emacs 0)
