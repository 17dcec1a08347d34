//! The hands: every touch of the outside world has its one home here. Decides nothing.
pub mod clock;
pub mod disk;
pub mod disk_crash;
pub mod disk_faulty;
pub mod env;
pub mod fence;
pub mod http;
pub mod http_guarded;
pub mod log_file;
pub mod mailbox;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod parent;
pub mod process;
pub mod process_server;
pub mod usage;
pub mod watch;

pub use clock::{Clock, FixedClock, SystemClock};
pub use disk::{AppendFile, Disk, EntryKind, FileMeta, RealDisk};
pub use env::Environment;
pub use http::Http;
pub use http_guarded::GuardedHttp;
