# For kakoune-lsp: the server beside those that a buffer has already.
hook -group ai-orchestrator global BufSetOption filetype=(?:markdown|plain|asciidoc|rust|python|javascript|typescript|go|c|cpp) %{
    set-option -add buffer lsp_servers %{
        [ai-orchestrator]
        command = "ai-orchestrator"
        args = ["lsp"]
        root_globs = ["orchestrator.json", ".git", ".hg"]
    }
}
define-command -override ai-orchestrator-run -params 1.. -docstring 'ai-orchestrator-run <goal>: run a goal' %{
    lsp-execute-command orchestrator.runGoal %sh{ printf '["%s"]' "$(printf %s "$*" | sed 's/[\\"]/\\&/g')" }
}
define-command -override ai-orchestrator-approvals -docstring 'open what waits for a decision' %{
    lsp-execute-command orchestrator.openApprovals '[]'
}
