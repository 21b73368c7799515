/**
 * What we use of undici, for the bundles: its index loads interceptors, mocks, caches, WebSockets, and HTTP/2 with half of
 * Node. The parts are the originals; HTTP/2 is left out, so no agent may offer it.
 */
const Dispatcher = require("undici/lib/dispatcher/dispatcher.js");
const AnyAgent = require("undici/lib/dispatcher/agent.js");

Dispatcher.prototype.request = require("undici/lib/api/api-request.js");

class Agent extends AnyAgent {
  constructor(options) {
    super({ ...options, allowH2: false });
  }
}

let shared;

module.exports = {
  Agent,
  /** Loaded by who transcribes voice notes. */
  get FormData() {
    return require("undici/lib/web/fetch/formdata.js").FormData;
  },
  request(url, { dispatcher = (shared ??= new Agent()), ...options } = {}) {
    const { origin, pathname, search } = new URL(url);
    const method = options.method ?? (options.body ? "PUT" : "GET");
    return dispatcher.request({ ...options, origin, path: pathname + search, method });
  },
};
