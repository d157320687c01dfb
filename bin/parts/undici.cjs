// What the binary carries of undici: its client, without fetch, WebSocket, caches and mocks (a third of a megabyte, and
// the time to load it). A name that is missing here is undefined in the binary: a test starts every command.
const Dispatcher = require('undici/lib/dispatcher/dispatcher');
const request = require('undici/lib/api/api-request');
const {getGlobalDispatcher} = require('undici/lib/global');

Dispatcher.prototype.request = request;

module.exports = {
  EnvHttpProxyAgent: require('undici/lib/dispatcher/env-http-proxy-agent'),
  Pool: require('undici/lib/dispatcher/pool'),
  buildConnector: require('undici/lib/core/connect'),
  errors: require('undici/lib/core/errors'),
  interceptors: {redirect: require('undici/lib/interceptor/redirect')},
  request(url, {dispatcher = getGlobalDispatcher(), ...options} = {}) {
    const {origin, pathname, search} = new URL(url);
    return dispatcher.request({method: 'GET', ...options, origin, path: `${pathname}${search}`});
  },
};
