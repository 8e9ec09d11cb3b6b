//! The committed schema is the server's own.

use sitewright::graphql::sdl;

#[test]
fn the_committed_schema_is_what_the_server_serves() {
    let committed = include_str!("../../schema.graphql");
    assert!(
        committed == sdl(),
        "schema.graphql is not what the code serves: run `make schema` and commit the result"
    );
}
