//! Watching: whoever joins anywhere, leaves anywhere and comes back anywhere sees all of it, once, and one end.

mod dense;
mod job;
mod trouble;
