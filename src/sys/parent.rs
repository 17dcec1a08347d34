//! Tells when another process is gone. Waits on the kernel where it can (pidfd); elsewhere looks every five seconds. Never signals anybody.

/// Completes when the process is dead; at once if there is none. Never completes where a process cannot be watched at all.
pub async fn parent_gone(pid: u32) {
    #[cfg(unix)]
    unix::gone(pid).await;
    #[cfg(not(unix))]
    {
        let _ = pid;
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod unix {
    use rustix::process::Pid;

    pub(super) async fn gone(pid: u32) {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        #[cfg(target_os = "linux")]
        match by_handle(pid).await {
            Ok(()) | Err(rustix::io::Errno::SRCH) => return,
            Err(_) => {}
        }
        by_looking(pid).await;
    }

    /// A pidfd becomes readable when its process ends.
    #[cfg(target_os = "linux")]
    #[allow(deprecated, reason = "the new way is unsafe, which this crate forbids; an owned handle is always sound here")]
    async fn by_handle(pid: Pid) -> Result<(), rustix::io::Errno> {
        use tokio::io::Interest;
        use tokio::io::unix::AsyncFd;
        let handle = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK)?;
        let handle = AsyncFd::with_interest(handle, Interest::READABLE).map_err(|_| rustix::io::Errno::NOSYS)?;
        handle.readable().await.map(|_| ()).map_err(|_| rustix::io::Errno::NOSYS)
    }

    pub(super) async fn by_looking(pid: Pid) {
        // Signal 0 asks whether the process is there; a refusal says that it is, and somebody else's.
        while !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)) {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    #[tokio::test]
    async fn the_end_of_a_living_process_is_seen() {
        let mut child = tokio::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut gone = Box::pin(parent_gone(child.id().unwrap()));
        assert_eq!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        drop(child.stdin.take());
        gone.await;
        assert!(child.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_dead_or_impossible_process_is_gone_at_once() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        parent_gone(pid).await;
        parent_gone(0).await;
        parent_gone(u32::MAX).await;
        unix::by_looking(rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()).await;
    }
}
