;;; For scripts that drive a debugger in Emacs: they wait for what they want to see.

(defun wait-until (what predicate)
  "Serve the debugger's output until PREDICATE holds; WHAT names it if it never does."
  (let ((deadline (+ (float-time) (* 60 (string-to-number (or (getenv "RINGSIDE_TEST_TIMEOUT_FACTOR") "1"))))))
    (while (not (funcall predicate))
      (when (> (float-time) deadline)
        (when (bound-and-true-p gud-comint-buffer)
          (princ (with-current-buffer gud-comint-buffer (buffer-string))))
        (error "Emacs never came to: %s" what))
      (accept-process-output nil 0.1))))
