//! Tells cargo to embed GraphiQL's files again when they were installed after the last build.

fn main() {
    println!("cargo:rerun-if-changed=assets/graphiql/dist");
    println!("cargo:rerun-if-changed=src/options/seeds");
}
