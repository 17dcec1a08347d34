//! The offline provider: answers requests with tool calls and honest texts, without a language model. One file for each specialist.
