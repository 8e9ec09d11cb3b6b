// A TCP proxy that hurts: it cuts connections, or lets them hang as a sleeping machine does.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #server = createServer((client) => this.#carry(client));
  #pairs = new Set();
  /** How many connections were cut or left hanging. */
  hurt = 0;

  constructor(port) {
    this.target = port;
  }

  async listen(t) {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    t.after(() => {
      this.cut();
      this.#server.close();
    });
    return this;
  }

  /** How many connections there are. */
  get open() {
    return this.#pairs.size;
  }

  /** Ends all connections: some with a reset, some with a goodbye, always in the middle of something. */
  cut(isRude = true) {
    for (const { client, server } of this.#pairs) {
      this.hurt++;
      if (isRude) client.resetAndDestroy();
      else client.end();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** Connections stay open, and nothing comes through any more. */
  freeze() {
    for (const pair of this.#pairs) {
      this.hurt++;
      pair.client.unpipe();
      pair.server.unpipe();
      pair.client.pause();
      pair.server.pause();
    }
  }

  #carry(client) {
    const server = connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    client.pipe(server);
    server.pipe(client);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const side of [client, server]) side.on("error", end).on("close", end);
  }
}
