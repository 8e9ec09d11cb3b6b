# syntax=docker/dockerfile:1
# The image of every role: one program, no root, and nothing that it needs to write but a SQLite database in /data.

# GraphiQL's files, which the program embeds.
FROM node:22-bookworm-slim AS graphiql
WORKDIR /build
COPY assets/graphiql assets/graphiql
COPY tests/setup/graphiql.sh tests/setup/
# The script goes on without the files where it must; an image must not.
RUN bash tests/setup/graphiql.sh && test -s assets/graphiql/dist/graphiql.js

FROM rust:1.95-bookworm AS program
WORKDIR /build
# First the dependencies, under an empty program: this layer is built again only when they change.
COPY Cargo.toml Cargo.lock build.rs ./
COPY migration/Cargo.toml migration/
# A member of the workspace that only tests build: cargo wants to see it.
COPY tests/model-server/Cargo.toml tests/model-server/
RUN mkdir -p src migration/src tests/it tests/model-server/src \
    && echo 'fn main() {}' > src/main.rs \
    && cp src/main.rs tests/it/main.rs \
    && touch src/lib.rs migration/src/lib.rs tests/model-server/src/lib.rs \
    && cargo build --release --locked --bin sitewright
COPY migration/src migration/src
COPY src src
COPY assets assets
COPY --from=graphiql /build/assets/graphiql/dist assets/graphiql/dist
# Cargo goes by times, and the empty files are younger than the real ones.
RUN find src migration/src build.rs -type f -exec touch {} + \
    && cargo build --release --locked --bin sitewright

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Sitewright" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
# Whom to trust behind TLS, without a package manager's run in this layer.
COPY --from=program /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=program /build/target/release/sitewright /usr/local/bin/sitewright
RUN install -d -o 10001 -g 10001 /data
WORKDIR /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["sitewright", "ready"]
ENTRYPOINT ["sitewright"]
CMD ["serve"]
