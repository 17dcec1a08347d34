//! The language server: its own transport over tower-lsp, one loop that owns all state, translation at the door. Blind to the command line.
