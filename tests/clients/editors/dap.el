;;; Emacs's dap-mode with LLDB's adapter on a guest kernel, without a terminal: attach, break, look, step, leave.
;; The environment gives KERNEL, PORT, SOURCE and LLDB_ADAPTER. Exit status 0 if everything was as it should be.

(load (expand-file-name "waiting.el" (file-name-directory load-file-name)) nil t)
(package-initialize)
(require 'dap-lldb)
(require 'dap-ui)
(setq dap-lldb-debug-program (list (getenv "LLDB_ADAPTER"))
      dap-auto-configure-features nil)

(defvar frame nil "The frame that dap-mode shows.")
(add-hook 'dap-stack-frame-changed-hook (lambda (session) (setq frame (dap--debug-session-active-frame session))))
(defun at (line) (and frame (string-match-p "\\bmix\\b" (gethash "name" frame)) (= (gethash "line" frame) line)))

(find-file (getenv "SOURCE"))
(search-forward "return sum * 31")
(defvar line (line-number-at-pos))
(dap-breakpoint-toggle)
(dap-debug (list :type "lldb-vscode" :request "attach" :name "Ringside" :program (getenv "KERNEL")
                 :gdb-remote-hostname "127.0.0.1" :gdb-remote-port (string-to-number (getenv "PORT"))))
(wait-until "the breakpoint" (lambda () (at line)))
(dap-next (dap--cur-session))
(wait-until "the next line" (lambda () (at (1+ line))))
(defvar adapter (dap--debug-session-proc (dap--cur-session)))
(dap-disconnect (dap--cur-session))
(wait-until "the adapter's end" (lambda () (not (process-live-p adapter))))
(kill-emacs 0)
