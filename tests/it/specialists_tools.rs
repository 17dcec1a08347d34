//! The designer and the QA tester, played against the real tools.
