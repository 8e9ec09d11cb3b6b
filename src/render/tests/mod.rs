//! The renderer seen from outside: documents go in front of a strict reader of HTML.

mod hostile;
mod look;
mod pages;
mod reader;
mod samples;
