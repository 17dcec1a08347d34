//! The signals that ask the program to leave: Ctrl-C, a polite kill, a closed terminal. Decides nothing.
use crate::domain::{Error, Result};

/// Listens from its creation on; until then the system's default ends the process.
pub struct Signals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    #[cfg(unix)]
    pub fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: std::io::Error| Error::internal(format!("listening for signals: {error}"));
        let stream = |kind| signal(kind).map_err(failed);
        Ok(Signals { streams: [stream(SignalKind::interrupt())?, stream(SignalKind::terminate())?, stream(SignalKind::hangup())?] })
    }

    #[cfg(not(unix))]
    pub fn listen() -> Result<Self> {
        Ok(Signals {})
    }

    /// Waits for one of them.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Forgets signals that came while a child had the terminal: they were meant for it.
    pub fn forget(&mut self) {
        use futures::FutureExt;
        while self.next().now_or_never().is_some() {}
    }
}
