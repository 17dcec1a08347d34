//! The command line: arguments in, a live view and exit codes out. Blind to the language server.
