//! The hands: every touch of the outside world has its one home here. Decides nothing.
pub mod clock;
pub mod disk;
pub mod env;
pub mod http;

pub use clock::{Clock, FixedClock, SystemClock};
pub use disk::{AppendFile, Disk, EntryKind, FileMeta, RealDisk};
pub use env::Environment;
pub use http::Http;
