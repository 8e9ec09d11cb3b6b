//! What the tests stand on: a world (an application on a real database) and ways to drive it.

// Two programs use it, and neither uses all of it.
#![allow(dead_code, unused_macros, unused_imports)]

#[macro_use]
mod world;
pub mod misbehaviour;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
mod viewer;

pub use viewer::Viewer;
pub use world::{Backend, PATIENCE, Site, World, connect};
