//! Laws of a job's life, each on both databases: what ends it, what it may touch, what it costs, what is kept.

pub mod content;
mod ends;
mod lasts;
mod limits;
mod machine;
mod model;
mod obedient;
mod records;
