//! Sitewright turns a business brief into a complete website, live. The map follows.

#![doc = include_str!("README.md")]

pub mod ai;
pub mod app;
pub mod audit;
pub mod auth;
pub mod boot;
pub mod cli;
pub mod config;
pub mod credits;
pub mod db;
pub mod doctor;
pub mod entities;
pub mod error;
pub mod events;
pub mod export;
pub mod faults;
pub mod generation;
pub mod graphql;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod options;
pub mod quality;
pub mod redis;
pub mod render;
pub mod sites;
pub mod telemetry;
pub mod tls;
pub mod usage;
