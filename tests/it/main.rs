//! Every integration test in one binary: each file is a concern, each test a sentence.
//!
//! Tests of the engine run on SQLite and on Postgres, against real databases and real processes that they
//! start themselves; each ends with a settled world in which every invariant holds.

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod access;
mod answers;
mod audit;
mod binary;
mod carrier;
mod cluster;
mod commands;
mod company;
mod crashes;
mod doctor;
mod eval;
mod fanout;
mod feeds;
mod generate;
mod graphql_blocks;
mod graphql_door;
mod graphql_http;
mod graphql_served;
mod graphql_socket;
mod hostile;
mod hostile_models;
mod house;
mod laws;
mod lifecycle;
mod limits;
mod model;
mod offline;
mod operations;
mod operator;
mod outages;
mod prompts;
mod races;
mod roles;
mod schema;
mod socket_protocol;
mod socket_slow;
mod streams;
mod watch;
pub mod writing;
