//! The configuration for each editor, embedded as it lies in `editors/`. Prints nothing.

/// The names, as the parser lets them through.
pub const NAMES: [&str; 7] = ["helix", "emacs", "zed", "kakoune", "sublime", "neovim", "vscode"];

const NEOVIM: &str = r#"-- init.lua of Neovim 0.11 or newer, without any plugin: lenses and code actions run goals, questions are told and wait in approvals.md.
-- The plugin in the folder editors/nvim of the sources adds :Goal, :Orchestrator, progress and marks (Neovim 0.10 or newer). With it, write only
--   vim.opt.runtimepath:append("/path/to/ai-orchestrator/editors/nvim")
vim.lsp.config("ai_orchestrator", {
  cmd = { "ai-orchestrator", "lsp" },
  root_markers = { { "orchestrator.json", "config/orchestrator.json" }, ".git" },
  -- Neovim's own prompts take the keys of whoever is typing, and a message longer than a line asks for one.
  settings = { aiOrchestrator = { ui = { prompt = "message" } } },
  handlers = {
    ["window/showMessage"] = function(_, params)
      vim.api.nvim_echo({ { vim.fn.strcharpart(params.message, 0, vim.v.echospace) } }, true, {})
    end,
  },
  on_attach = function(client)
    if vim.lsp.codelens.enable then
      vim.lsp.codelens.enable(true, { client_id = client.id })
    end
  end,
})
vim.lsp.enable("ai_orchestrator")
"#;

const VSCODE: &str = r#"// settings.json; needed only where the program does not lie on the PATH
{
  "aiOrchestrator.server.path": "ai-orchestrator"
}
"#;

const ZED: &str = r#"{
  "code_lens": "on",
  "lsp": {
    "ai-orchestrator": {
      "binary": { "arguments": ["lsp"] }
    }
  }
}
"#;

/// What goes into the editor's own configuration.
pub fn configuration(editor: &str) -> Option<&'static str> {
    Some(match editor {
        "helix" => include_str!("../../editors/helix/languages.toml"),
        "emacs" => include_str!("../../editors/emacs/ai-orchestrator.el"),
        "zed" => ZED,
        "kakoune" => include_str!("../../editors/kakoune/ai-orchestrator.kak"),
        "sublime" => include_str!("../../editors/sublime/LSP.sublime-settings"),
        "neovim" => NEOVIM,
        "vscode" => VSCODE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_editor_of_the_list_has_a_configuration_that_names_the_server() {
        for name in NAMES {
            let text = configuration(name).unwrap_or_default();
            assert!(text.contains("ai-orchestrator") && !text.contains("/home/"), "{name}");
        }
        assert_eq!(configuration("ed"), None);
    }

    #[test]
    fn the_page_of_every_editor_says_how_to_print_its_configuration() {
        let pages = [
            include_str!("../../editors/helix/README.md"),
            include_str!("../../editors/emacs/README.md"),
            include_str!("../../editors/zed/README.md"),
            include_str!("../../editors/kakoune/README.md"),
            include_str!("../../editors/sublime/README.md"),
            include_str!("../../editors/nvim/README.md"),
            include_str!("../../editors/vscode/README.md"),
        ];
        for (name, page) in NAMES.into_iter().zip(pages) {
            assert!(page.contains(&format!("editor-config {name}")), "{name}");
        }
    }
}
