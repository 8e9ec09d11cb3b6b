//! Redis, seen through the few operations that the engine needs; no type of its client leaves this folder.
//!
//! Which structures are used, and why. `<p>` is `redis.prefix` and the database's epoch; everything expires.
//!
//! | name | kind | what |
//! |---|---|---|
//! | `<p>:{job}:items` | stream | a running job's items under explicit ids `lease-n`: cursor, fence and de-duplication in one |
//! | `<p>:{job}:open` | string | the text of the open block and where it stands, for who cannot read it from the stream |
//! | `<p>:{tasks}:workers` | sorted set | processes by when they were last heard |
//! | `<p>:{tasks}:<worker>` | string | what one process runs now |
//! | `<p>:{limits}:<client>` | string | when a client's budget will be full again, on all nodes together |
//! | `<p>/job/<id>` and so on | channel | doorbells; whoever misses one reads the stream or the database |
//!
//! The braces keep the keys of one job together in a cluster. Losing all of it costs latency, never a job or a credit,
//! so every operation gives up after two seconds, nobody's request waits for one, and nothing is tried twice. Deliberately absent: blocking reads
//! (they stop everything else on the connection) and any value that exists only here.

mod address;
mod budget;
mod link;
mod stream;
mod tasks;

pub use link::{Down, Message, Redis};
pub use stream::{Append, Appended, Entry, Kept, job_bell};
