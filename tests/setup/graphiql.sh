#!/usr/bin/env bash
# Installs the GraphiQL files that the server embeds from their lock file, once. GraphiQL is a comfort, so nothing here
# fails the build: without Node or network the server is built without them and /graphiql loads them from a CDN.
set -euo pipefail
cd "$(dirname "$0")/../../assets/graphiql"

lock=$(cksum < package-lock.json)
if [ "$(cat dist/.installed 2>/dev/null || true)" = "$lock" ]; then
    exit 0
fi

without() {
    echo "GraphiQL's files are not installed: $1. /graphiql will load them from a CDN; the API does not need them."
    exit 0
}

command -v npm >/dev/null || without "Node.js with npm was not found"
echo "Installing GraphiQL's files (once)"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>install.log \
    || { tail -n 3 install.log; rm -rf install.log node_modules; without "npm could not install them (no network?)"; }

from=node_modules
cp $from/react/umd/react.production.min.js dist/react.js
cp $from/react-dom/umd/react-dom.production.min.js dist/react-dom.js
cp $from/graphql-ws/umd/graphql-ws.min.js dist/graphql-ws.js
cp $from/graphiql/graphiql.min.js dist/graphiql.js
cp $from/graphiql/graphiql.min.css dist/graphiql.css
# Their licences travel with them into the binary.
for package in react react-dom graphql-ws graphiql; do
    printf '%s\n\n' "== $package"
    cat $from/$package/LICENSE*
    echo
done > dist/LICENSES.txt
# A source map that is not there would be asked for and refused.
sed -i '/^\/\/# sourceMappingURL=/d' dist/*.js
rm -rf node_modules install.log
echo "$lock" > dist/.installed
