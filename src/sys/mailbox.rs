//! A private way for another process of the same user to hand a line of text to a live run and get one back. Knows nothing of what the text says.
#[cfg(not(unix))]
use std::io;
use std::path::Path;

use tokio::sync::oneshot;

/// The longest letter and the longest answer, in bytes.
pub const MAX_LETTER_BYTES: usize = 64 * 1024;

/// A letter that came in; whoever sent it waits for the answer.
#[derive(Debug)]
pub struct Letter {
    pub text: String,
    answer: oneshot::Sender<String>,
}

impl Letter {
    /// Answers the sender; a sender that gave up is no error. Dropping the letter tells it that nobody answered.
    pub fn reply(self, answer: String) {
        let _ = self.answer.send(answer);
    }
}

/// The mailbox's name for a workspace: 16 hexadecimal digits of the hash of its absolute path.
pub fn mailbox_name(workspace: &Path) -> String {
    crate::domain::hash::sha256(workspace.as_os_str().as_encoded_bytes()).chars().take(16).collect()
}

#[cfg(unix)]
pub use unix::{Mailbox, send};

#[cfg(unix)]
mod unix {
    use std::io::{self, ErrorKind};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::{Semaphore, mpsc, oneshot};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::{Letter, MAX_LETTER_BYTES};
    use crate::sys::disk::{RealDisk, make_private, private_folder};

    /// A peer that says nothing for so long is hung up on.
    const IDLE: Duration = Duration::from_secs(2);
    /// A run may be busy writing when a letter comes; its answer may take so long.
    const ANSWER: Duration = Duration::from_secs(10);
    /// Letters read at once; more wait in the system's queue.
    const AT_ONCE: usize = 8;

    /// An open mailbox; dropping it closes it and removes its socket.
    #[derive(Debug)]
    pub struct Mailbox {
        letters: mpsc::Receiver<Letter>,
        listening: JoinHandle<()>,
        folder: PathBuf,
        socket: String,
    }

    impl Mailbox {
        /// Opens the mailbox `name` in the user's runtime folder, made private if need be; a socket left by a dead process is replaced.
        /// Fails with `AddrInUse` while a living one listens. Must be called on a tokio runtime.
        pub fn open(runtime_folder: &Path, name: &str) -> io::Result<Mailbox> {
            let socket = socket_name(name)?;
            private_folder(runtime_folder)?;
            let path = runtime_folder.join(&socket);
            match std::os::unix::net::UnixStream::connect(&path) {
                Ok(_) => return Err(io::Error::new(ErrorKind::AddrInUse, "another process has this mailbox open")),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => remove(runtime_folder, &socket)?,
            }
            let listener = UnixListener::bind(&path)?;
            make_private(&path)?;
            let (sender, letters) = mpsc::channel(AT_ONCE);
            let listening = tokio::spawn(listen(listener, sender));
            Ok(Mailbox { letters, listening, folder: runtime_folder.to_owned(), socket })
        }

        /// The next letter. Safe to drop while waiting: no letter is lost.
        pub async fn receive(&mut self) -> Option<Letter> {
            self.letters.recv().await
        }
    }

    impl Drop for Mailbox {
        fn drop(&mut self) {
            self.listening.abort();
            let _ = remove(&self.folder, &self.socket);
        }
    }

    /// Hands `text` to whoever has the mailbox open and returns the answer; `None` when nobody listens.
    pub async fn send(runtime_folder: &Path, name: &str, text: &str) -> io::Result<Option<String>> {
        if text.len() > MAX_LETTER_BYTES {
            return Err(io::Error::new(ErrorKind::InvalidInput, format!("a letter is at most {MAX_LETTER_BYTES} bytes long")));
        }
        let mut stream = match UnixStream::connect(runtime_folder.join(socket_name(name)?)).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
            Err(error) => return Err(error),
        };
        check_peer(&stream)?;
        in_time(IDLE, stream.write_all(text.as_bytes())).await?;
        stream.shutdown().await?;
        let answer = in_time(ANSWER, read_all(&mut stream, ANSWER)).await?;
        if answer.is_empty() {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the other process took the letter and did not answer"));
        }
        Ok(Some(answer))
    }

    async fn listen(listener: UnixListener, letters: mpsc::Sender<Letter>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Ok(place) = places.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let letters = letters.clone();
                    tokio::spawn(async move {
                        // A peer that breaks the rules is hung up on; there is nobody to tell.
                        let _ = serve(stream, letters).await;
                        drop(place);
                    });
                }
                // Out of file handles, for example: give the process time to free some.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn serve(mut stream: UnixStream, letters: mpsc::Sender<Letter>) -> io::Result<()> {
        check_peer(&stream)?;
        let text = in_time(ANSWER, read_all(&mut stream, IDLE)).await?;
        let (answer, answered) = oneshot::channel();
        letters.send(Letter { text, answer }).await.map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        let Ok(Ok(mut text)) = timeout(ANSWER, answered).await else { return Ok(()) };
        let cut = (0..=MAX_LETTER_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        in_time(IDLE, stream.write_all(text.as_bytes())).await?;
        stream.shutdown().await
    }

    /// Everything up to the end of the stream, which must be text within the limit; each pause at most `idle`.
    async fn read_all(stream: &mut UnixStream, idle: Duration) -> io::Result<String> {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let count = in_time(idle, stream.read(&mut part)).await?;
            if count == 0 {
                return String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "a letter must be text"));
            }
            bytes.extend_from_slice(part.get(..count).unwrap_or_default());
            if bytes.len() > MAX_LETTER_BYTES {
                return Err(io::Error::new(ErrorKind::InvalidData, "the letter is too long"));
            }
        }
    }

    /// The folder is private already; this holds even where it was opened up by hand.
    fn check_peer(stream: &UnixStream) -> io::Result<()> {
        if stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw() {
            Ok(())
        } else {
            Err(io::Error::new(ErrorKind::PermissionDenied, "the other process belongs to another user"))
        }
    }

    async fn in_time<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        timeout(limit, work).await.unwrap_or_else(|_| Err(io::Error::new(ErrorKind::TimedOut, "the other process does not answer")))
    }

    fn socket_name(name: &str) -> io::Result<String> {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a mailbox name is made of letters, digits and `-`"));
        }
        Ok(format!("{name}.sock"))
    }

    fn remove(folder: &Path, socket: &str) -> io::Result<()> {
        RealDisk::root()?.open(folder)?.remove_file(socket)
    }
}

/// Where there are no private sockets, a live run of another process cannot be told anything.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Mailbox;

#[cfg(not(unix))]
impl Mailbox {
    pub fn open(_runtime_folder: &Path, _name: &str) -> io::Result<Mailbox> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    pub async fn receive(&mut self) -> Option<Letter> {
        None
    }
}

#[cfg(not(unix))]
pub async fn send(_runtime_folder: &Path, _name: &str, _text: &str) -> io::Result<Option<String>> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(all(test, unix))]
#[path = "mailbox_tests.rs"]
mod tests;
