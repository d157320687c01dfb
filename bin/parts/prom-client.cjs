// What the binary carries of prom-client: no clusters, no push gateway, no summaries.
module.exports = {
  Registry: require('prom-client/lib/registry'),
  Counter: require('prom-client/lib/counter'),
  Gauge: require('prom-client/lib/gauge'),
  Histogram: require('prom-client/lib/histogram'),
  collectDefaultMetrics: (...words) => require('prom-client/lib/defaultMetrics')(...words),
};
