;;; ai-orchestrator.el --- Goals in documents, for Eglot and lsp-mode -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: tools, convenience
;; SPDX-License-Identifier: MIT

;;; Commentary:
;; Registers the language server `ai-orchestrator' with Eglot and lsp-mode, and gives its commands names.
;; No question of the server takes the keyboard: it is told in the echo area and the mode line, and waits for a command of yours.
;; `M-x ai-orchestrator-run' runs a goal, `M-x ai-orchestrator-approve' and `-reject' decide, `M-x ai-orchestrator-runs' shows what was done.

;;; Code:
(require 'cl-lib)
(require 'subr-x)
(require 'url-util)

(defgroup ai-orchestrator nil "Goals in documents." :group 'tools)

(defcustom ai-orchestrator-program "ai-orchestrator"
  "The server's program."
  :type 'string)

(defcustom ai-orchestrator-trusted nil
  "Whether you vouch for the projects' own configuration files."
  :type 'boolean)

(defvar ai-orchestrator--rows nil
  "The runs of this session as the server last told them.")

(defvar eglot-server-programs)
(defvar lsp--cur-workspace)
(declare-function eglot-current-server "eglot")
(declare-function eglot--request "eglot")
(declare-function eglot--pos-to-lsp-position "eglot")
(declare-function lsp--apply-workspace-edit "lsp-mode")
(declare-function lsp-request-async "lsp-mode")
(declare-function lsp-register-client "lsp-mode")
(declare-function lsp-find-workspace "lsp-mode")
(declare-function lsp--point-to-position "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")

;;;; What the server tells

(defun ai-orchestrator--get (row key)
  "KEY of ROW, whichever kind of table the client makes of JSON."
  (let ((value (if (hash-table-p row) (gethash key row) (plist-get row (intern (concat ":" key))))))
    (unless (memq value '(:null :json-false)) value)))

(defun ai-orchestrator--runs-changed (rows)
  "Take ROWS, the runs of this session."
  (setq ai-orchestrator--rows (append rows nil))
  (force-mode-line-update t))

(defun ai-orchestrator-mode-line ()
  "What runs and what waits; empty when there is neither."
  (let ((done 0) (steps 0) (live 0) (waiting 0))
    (dolist (row ai-orchestrator--rows)
      (when (member (ai-orchestrator--get row "status") '("planning" "running" "waiting_approval"))
        (cl-incf live)
        (cl-incf done (or (ai-orchestrator--get row "stepsDone") 0))
        (cl-incf steps (or (ai-orchestrator--get row "steps") 0)))
      (cl-incf waiting (or (ai-orchestrator--get row "pendingApprovals") 0)))
    (string-join (delq nil (list (and (> waiting 0) (propertize (if (= waiting 1) "⏸ approval" (format "⏸ %d approvals" waiting)) 'face 'warning))
                                 (and (> live 0) (format "⟳ %d/%d" done steps))))
                 " ")))

(defun ai-orchestrator--in-mode-line ()
  "Put ours first: the line is cut at its end."
  (let ((entry '(:eval (let ((text (ai-orchestrator-mode-line))) (if (string-empty-p text) "" (concat " " text " "))))))
    (setq-default mode-line-misc-info (cons entry (remove entry mode-line-misc-info)))))
(ai-orchestrator--in-mode-line)

(defun ai-orchestrator--prompted (message)
  "Tell the question MESSAGE; its answer is none, so that typing decides nothing."
  (message "%s (M-x ai-orchestrator-approve)" message))

(defun ai-orchestrator--show (uri takes-focus)
  "Show the document URI, and go there only if TAKES-FOCUS: the user asked for it."
  (let ((file (url-unhex-string (string-remove-prefix "file://" uri))))
    (setq file (decode-coding-string file 'utf-8))
    (when (file-readable-p file)
      ;; Later: the file may start a client of its own, which must not happen within a request.
      (run-with-timer 0 nil (lambda ()
                              (let ((buffer (find-file-noselect file)))
                                (if takes-focus (pop-to-buffer buffer) (display-buffer buffer '(nil (inhibit-same-window . t)))))))
      t)))

;; Without hooks: nothing that formats on save, and no `didSave', which is for what the user saves.
(defun ai-orchestrator--written (edit)
  "Call EDIT, and write the papers of runs that it changed and the user did not."
  (let* ((clean (cl-remove-if-not (lambda (buffer) (and (ai-orchestrator--is-paper buffer) (not (buffer-modified-p buffer)))) (buffer-list)))
         (result (funcall edit)))
    (dolist (buffer clean result)
      (with-current-buffer buffer
        (when (buffer-modified-p)
          (let ((save-silently t) (before-save-hook nil) (after-save-hook nil) (require-final-newline nil)) (save-buffer 0)))))))

(defun ai-orchestrator--is-paper (buffer)
  "Whether BUFFER shows a file in the workspace of a run of this session."
  (let ((file (buffer-file-name buffer)))
    (and file (cl-some (lambda (row) (string-prefix-p (file-name-as-directory (ai-orchestrator--get row "workspace")) file)) ai-orchestrator--rows))))

;;;; Eglot

(with-eval-after-load 'eglot
  ;; A class of its own, so that other servers keep Eglot's ways. Evaluated late: Eglot's class is not known when this file is compiled.
  (eval
   '(progn
      (defclass ai-orchestrator-eglot-server (eglot-lsp-server) () :documentation "The server of goals.")
      (cl-defmethod eglot-client-capabilities ((_server ai-orchestrator-eglot-server))
        (plist-put (cl-call-next-method) :experimental '(:orchestrator t)))
      (cl-defmethod eglot-initialization-options ((_server ai-orchestrator-eglot-server))
        (list :trusted (if ai-orchestrator-trusted t :json-false)))
      (cl-defmethod eglot-handle-request ((_server ai-orchestrator-eglot-server) (_method (eql window/showMessageRequest)) &key message &allow-other-keys)
        (ai-orchestrator--prompted message)
        nil)
      (cl-defmethod eglot-handle-request ((_server ai-orchestrator-eglot-server) (_method (eql window/showDocument)) &key uri takeFocus &allow-other-keys)
        (list :success (if (ai-orchestrator--show uri (eq takeFocus t)) t :json-false)))
      (cl-defmethod eglot-handle-request :around ((_server ai-orchestrator-eglot-server) (_method (eql workspace/applyEdit)) &rest _)
        (ai-orchestrator--written (lambda () (let ((inhibit-message t)) (cl-call-next-method)))))
      (cl-defmethod eglot-handle-notification ((_server ai-orchestrator-eglot-server) (_method (eql orchestrator/runsChanged)) &key runs &allow-other-keys)
        (ai-orchestrator--runs-changed runs))
      (cl-defmethod eglot-handle-notification ((_server ai-orchestrator-eglot-server) (_method (eql orchestrator/status)) &rest _))
      ;; Eglot would show `?%', as there is no percentage: the mode line tells how far the runs are.
      (cl-defmethod eglot-handle-notification ((_server ai-orchestrator-eglot-server) (_method (eql $/progress)) &rest _)))
   t)
  (ai-orchestrator--in-mode-line)
  (add-to-list 'eglot-server-programs
               `((markdown-mode text-mode org-mode) . (ai-orchestrator-eglot-server ,ai-orchestrator-program "lsp"))))

;;;; lsp-mode

;; A synchronous request of lsp-mode loses what arrives together with its answer, questions among it.
(defun ai-orchestrator--lsp-send (params then)
  "Send PARAMS of a command and call THEN with its result."
  (lsp-request-async "workspace/executeCommand" params then :mode 'detached
                     :error-handler (lambda (failure) (message "%s" (ai-orchestrator--get failure "message")))))

(defun ai-orchestrator--lsp-wait (params)
  "What the command PARAMS answers; nil after ten seconds."
  (let ((answer nil) (failure nil) (end (+ (float-time) 10)))
    (lsp-request-async "workspace/executeCommand" params (lambda (result) (setq answer (list result))) :mode 'detached
                       :error-handler (lambda (told) (setq failure (ai-orchestrator--get told "message"))))
    (while (and (not answer) (not failure) (< (float-time) end)) (accept-process-output nil 0.02))
    (when failure (user-error "%s" failure))
    (car answer)))

(defun ai-orchestrator--lsp-act (action)
  "Do ACTION, a command of ours at a lens or in a list of actions."
  (ai-orchestrator--lsp-send (list :command (ai-orchestrator--get action "command") :arguments (or (ai-orchestrator--get action "arguments") [])) #'ignore))

(defconst ai-orchestrator--commands
  '("runGoal" "planGoal" "newGoal" "spawnAgent" "runSample" "approve" "reject" "approveAll"
    "openApprovals" "showChanges" "stop" "pause" "resume" "retryStep" "skipStep" "runState"
    "listWorkspaces" "openWorkspace" "openArtifact" "applyArtifact" "showLog" "cleanup" "doctor")
  "The server's commands, without their prefix.")

(with-eval-after-load 'lsp-mode
  (let ((table (lambda (&rest pairs) (let ((table (make-hash-table :test #'equal))) (while pairs (puthash (pop pairs) (pop pairs) table)) table))))
    (lsp-register-client
     (make-lsp-client
      :new-connection (lsp-stdio-connection (lambda () (list ai-orchestrator-program "lsp")))
      :activation-fn (lambda (&rest _) t)
      :add-on? t
      :server-id 'ai-orchestrator
      :custom-capabilities '((experimental . ((orchestrator . t))))
      :initialization-options (lambda () (list :trusted (if ai-orchestrator-trusted t :json-false)))
      :action-handlers
      (apply table (mapcan (lambda (name) (list (concat "orchestrator." name) #'ai-orchestrator--lsp-act)) ai-orchestrator--commands))
      :request-handlers
      (funcall table
               "workspace/applyEdit" (lambda (_ params)
                                       (list :applied (condition-case nil
                                                          (progn (ai-orchestrator--written
                                                                  (lambda () (lsp--apply-workspace-edit (ai-orchestrator--get params "edit") 'server-requested)))
                                                                 t)
                                                        (error :json-false))))
               "window/showMessageRequest" (lambda (_ params) (ai-orchestrator--prompted (ai-orchestrator--get params "message")) nil)
               "window/showDocument" (lambda (_ params)
                                       (list :success (if (ai-orchestrator--show (ai-orchestrator--get params "uri") (eq t (ai-orchestrator--get params "takeFocus")))
                                                          t :json-false))))
      :notification-handlers
      (funcall table
               "orchestrator/runsChanged" (lambda (_ params) (ai-orchestrator--runs-changed (ai-orchestrator--get params "runs")))
               "orchestrator/status" #'ignore)))))

;;;; Asking

(defun ai-orchestrator--eglot ()
  "Our server of this buffer, else of any."
  (when (featurep 'eglot)
    (cl-flet ((ours (server) (and server (object-of-class-p server 'ai-orchestrator-eglot-server) server)))
      (or (ours (eglot-current-server))
          (cl-some (lambda (buffer) (with-current-buffer buffer (ours (eglot-current-server)))) (buffer-list))))))

(defun ai-orchestrator--request (command &optional argument)
  "Ask the server to do COMMAND with ARGUMENT, a property list."
  (let ((params (list :command (concat "orchestrator." command) :arguments (if argument (vector argument) [])))
        (workspace (and (featurep 'lsp-mode) (lsp-find-workspace 'ai-orchestrator (buffer-file-name))))
        (eglot (ai-orchestrator--eglot)))
    (cond (workspace (let ((lsp--cur-workspace workspace)) (ai-orchestrator--lsp-wait params)))
          ;; What was typed here is sent first; a buffer that the server does not know has nothing to send.
          (eglot (eglot--request eglot :workspace/executeCommand params :immediate (not (eq (eglot-current-server) eglot))))
          (t (user-error "No server of goals here: open a text and start M-x eglot or M-x lsp")))))

(defun ai-orchestrator--position (at)
  "The position AT as the server counts."
  (cond ((and (featurep 'eglot) (ai-orchestrator--eglot)) (eglot--pos-to-lsp-position at))
        ((featurep 'lsp-mode) (lsp--point-to-position at))))

(defun ai-orchestrator--here ()
  "The place of the cursor, or the region, as the server's argument."
  (unless buffer-file-name (user-error "This buffer has no file; type the goal instead"))
  (let ((start (if (use-region-p) (region-beginning) (point))) (end (if (use-region-p) (region-end) (point))))
    (list :uri (concat "file://" (url-hexify-string (file-truename buffer-file-name) url-path-allowed-chars))
          :range (list :start (ai-orchestrator--position start) :end (ai-orchestrator--position end)))))

(defun ai-orchestrator--choose (prompt rows line)
  "The only one of ROWS, else one picked after PROMPT; LINE shows a row."
  (cond ((null rows) nil)
        ((null (cdr rows)) (car rows))
        (t (let ((choices (mapcar (lambda (row) (cons (funcall line row) row)) rows)))
             (cdr (assoc (completing-read prompt choices nil t) choices))))))

(defun ai-orchestrator--runs (&rest statuses)
  "The runs, newest first; only those with one of STATUSES if any are given."
  (cl-remove-if-not (lambda (row) (or (null statuses) (member (ai-orchestrator--get row "status") statuses)))
                    (append (ai-orchestrator--request "listWorkspaces") nil)))

(defun ai-orchestrator--run-line (row)
  "ROW in one line."
  (format "%s  %s %s/%s  %s" (ai-orchestrator--get row "runId") (ai-orchestrator--get row "status")
          (ai-orchestrator--get row "stepsDone") (ai-orchestrator--get row "steps")
          (truncate-string-to-width (ai-orchestrator--get row "goal") 60 nil nil "…")))

(defun ai-orchestrator--questions ()
  "Every open question as (RUN-ID . QUESTION)."
  (cl-mapcan (lambda (row)
               (let* ((id (ai-orchestrator--get row "runId")) (state (ai-orchestrator--request "runState" (list :runId id))))
                 (mapcar (lambda (question) (cons id question)) (append (ai-orchestrator--get state "approvals") nil))))
             (ai-orchestrator--runs "planning" "running" "waiting_approval" "paused" "parked")))

(defun ai-orchestrator--question-line (question)
  "QUESTION in one line."
  (format "%s %s: %s" (car question) (or (ai-orchestrator--get (cdr question) "step") (ai-orchestrator--get (cdr question) "id"))
          (ai-orchestrator--get (cdr question) "what")))

(defun ai-orchestrator--decide (verb note)
  "Do VERB, approve or reject, with NOTE.
The question is that of this line, else the only one, else one picked."
  (let* ((open (or (ai-orchestrator--questions) (user-error "Nothing waits for your approval")))
         (here (cl-find-if (lambda (question)
                             (and buffer-file-name
                                  (string-suffix-p (file-truename buffer-file-name) (decode-coding-string (url-unhex-string (ai-orchestrator--get (cdr question) "uri")) 'utf-8))
                                  (eql (ai-orchestrator--get (cdr question) "line") (1- (line-number-at-pos nil t)))))
                           open))
         (question (or here (ai-orchestrator--choose (concat (capitalize verb) ": ") open #'ai-orchestrator--question-line)))
         (argument (list :runId (car question) :approvalId (ai-orchestrator--get (cdr question) "id") :hash (ai-orchestrator--get (cdr question) "hash")))
         (result (ai-orchestrator--request verb (if (string-empty-p note) argument (append argument (list :note note))))))
    (if (ai-orchestrator--get result "decided")
        (message "%s %s" (if (equal verb "reject") "Rejected" "Approved") (ai-orchestrator--question-line question))
      (message "Not decided: %s" (or (ai-orchestrator--get result "reason") "refused")))))

;;;; Commands

(defun ai-orchestrator--start (command goal)
  "Do COMMAND with GOAL; an empty one is the region or the goal at the cursor."
  (let ((result (ai-orchestrator--request command (if (string-empty-p goal) (ai-orchestrator--here) (list :goal goal)))))
    (when-let* ((id (ai-orchestrator--get result "runId"))) (message "Run %s has started" id))))

(defun ai-orchestrator--read-goal ()
  "A goal typed by the user, or none where there is a region."
  (list (if (use-region-p) "" (read-string "Goal (empty: the one at the cursor): "))))

;;;###autoload
(defun ai-orchestrator-run (goal)
  "Run GOAL; with none, the region or the goal at the cursor."
  (interactive (ai-orchestrator--read-goal))
  (ai-orchestrator--start "runGoal" goal))

;;;###autoload
(defun ai-orchestrator-plan (goal)
  "Plan GOAL, or the region or the goal at the cursor, and show its plan."
  (interactive (ai-orchestrator--read-goal))
  (ai-orchestrator--start "planGoal" goal))

;;;###autoload
(defun ai-orchestrator-sample ()
  "Run a small goal offline."
  (interactive)
  (ai-orchestrator--request "runSample"))

;;;###autoload
(defun ai-orchestrator-approve ()
  "Approve the question of this line, else the only one, else one that you pick."
  (interactive)
  (ai-orchestrator--decide "approve" ""))

;;;###autoload
(defun ai-orchestrator-reject (note)
  "Reject a question, chosen as by `ai-orchestrator-approve'.
NOTE is told to the agents."
  (interactive "sWhat should be different? ")
  (ai-orchestrator--decide "reject" note))

;;;###autoload
(defun ai-orchestrator-approvals ()
  "Open what waits for a decision."
  (interactive)
  (ai-orchestrator--request "openApprovals"))

;;;###autoload
(defun ai-orchestrator-runs ()
  "Choose a run and open its summary."
  (interactive)
  (if-let* ((row (ai-orchestrator--choose "Run: " (ai-orchestrator--runs) #'ai-orchestrator--run-line)))
      (ai-orchestrator--request "openWorkspace" (list :workspace (ai-orchestrator--get row "workspace") :what "summary"))
    (message "No runs yet: M-x ai-orchestrator-run")))

;;;###autoload
(defalias 'ai-orchestrator-workspaces #'ai-orchestrator-runs)

;;;###autoload
(defun ai-orchestrator-resume ()
  "Go on with a run that stands still."
  (interactive)
  (if-let* ((rows (ai-orchestrator--runs "paused" "parked" "failed" "waiting_approval"))
            (row (ai-orchestrator--choose "Resume: " rows #'ai-orchestrator--run-line)))
      (ai-orchestrator--request "resume" (list :workspace (ai-orchestrator--get row "workspace")))
    (message "No run stands still")))

;;;###autoload
(defun ai-orchestrator-stop ()
  "End a run."
  (interactive)
  (if-let* ((row (ai-orchestrator--choose "Stop: " (ai-orchestrator--runs "planning" "running" "waiting_approval") #'ai-orchestrator--run-line)))
      (ai-orchestrator--request "stop" (list :runId (ai-orchestrator--get row "runId")))
    (message "Nothing runs")))

;;;###autoload
(defun ai-orchestrator-doctor ()
  "Open the server's report about the set-up."
  (interactive)
  (ai-orchestrator--request "doctor" '(:open t)))

(provide 'ai-orchestrator)
;;; ai-orchestrator.el ends here
