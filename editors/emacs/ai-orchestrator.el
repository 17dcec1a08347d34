;;; ai-orchestrator.el --- Goals in documents, for Eglot and lsp-mode -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: MIT

;;; Commentary:
;; Registers the language server and gives its commands names.
;; A question of the server is shown and does not take the keyboard: it is decided in approvals.md.

;;; Code:
(require 'cl-lib)
(require 'subr-x)
(require 'url-util)

(defgroup ai-orchestrator nil "Goals in documents." :group 'tools)

(defcustom ai-orchestrator-program "ai-orchestrator"
  "The server's program." :type 'string)

(defvar eglot-server-programs)
(declare-function eglot-current-server "eglot")
(declare-function eglot--TextDocumentIdentifier "eglot")
(declare-function jsonrpc-request "jsonrpc")
(declare-function jsonrpc--process "jsonrpc")
(declare-function lsp-request "lsp-mode")
(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               `((markdown-mode text-mode org-mode) . (,ai-orchestrator-program "lsp")))
  ;; Return would take the first button, so that a question could be answered by what is being typed.
  (cl-defmethod eglot-handle-request :around
    (server (_method (eql window/showMessageRequest)) &key type message actions &allow-other-keys)
    (if (string-match-p "ai-orchestrator" (format "%s" (ignore-errors (process-command (jsonrpc--process server)))))
        (progn (message "%s (M-x ai-orchestrator-approvals)" message) nil)
      (cl-call-next-method server 'window/showMessageRequest :type type :message message :actions actions))))

(with-eval-after-load 'lsp-mode
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection (lambda () (list ai-orchestrator-program "lsp")))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :server-id 'ai-orchestrator)))

(defun ai-orchestrator--request (command &optional argument)
  "Ask the server to do COMMAND with ARGUMENT, a property list."
  (let ((params (list :command command :arguments (if argument (vector argument) []))))
    (cond ((bound-and-true-p lsp-mode) (lsp-request "workspace/executeCommand" params))
          ((and (featurep 'eglot) (eglot-current-server))
           (jsonrpc-request (eglot-current-server) :workspace/executeCommand params))
          (t (user-error "No language server in this buffer: start eglot or lsp")))))

(defun ai-orchestrator--here ()
  "The place of the cursor, or the region, as the server's argument."
  (cl-flet ((position (at) (save-excursion (goto-char at) (list :line (1- (line-number-at-pos nil t)) :character (- at (line-beginning-position))))))
    (let ((start (if (use-region-p) (region-beginning) (point))) (end (if (use-region-p) (region-end) (point))))
      (list :uri (concat "file://" (url-hexify-string (buffer-file-name) url-path-allowed-chars))
            :range (list :start (position start) :end (position end))))))

;;;###autoload
(defun ai-orchestrator-run (goal)
  "Run GOAL; with none, the goal at the cursor or the region."
  (interactive "sGoal (empty: the one at the cursor): ")
  (ai-orchestrator--request "orchestrator.runGoal" (if (string-empty-p goal) (ai-orchestrator--here) (list :goal goal))))

;;;###autoload
(defun ai-orchestrator-plan ()
  "Plan the goal at the cursor and show its plan."
  (interactive)
  (ai-orchestrator--request "orchestrator.planGoal" (ai-orchestrator--here)))

;;;###autoload
(defun ai-orchestrator-approvals ()
  "Open what waits for a decision."
  (interactive)
  (ai-orchestrator--request "orchestrator.openApprovals"))

;;;###autoload
(defun ai-orchestrator-runs ()
  "Choose a run and open its summary."
  (interactive)
  (let* ((get (lambda (row key) (if (hash-table-p row) (gethash key row) (plist-get row (intern (concat ":" key))))))
         (rows (append (ai-orchestrator--request "orchestrator.listWorkspaces") nil))
         (choices (mapcar (lambda (row) (cons (format "%s  %s  %s" (funcall get row "runId") (funcall get row "status") (funcall get row "goal"))
                                              (funcall get row "workspace")))
                          rows)))
    (ai-orchestrator--request "orchestrator.openWorkspace"
                              (list :workspace (cdr (assoc (completing-read "Run: " choices nil t) choices)) :what "summary"))))

(provide 'ai-orchestrator)
;;; ai-orchestrator.el ends here
