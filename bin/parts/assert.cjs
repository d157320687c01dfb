// What libraries ask of node:assert, without what shows a difference in colours.
module.exports = function assert(value, message = 'an assertion failed') {
  if (value) return;
  throw message instanceof Error ? message : Object.assign(new Error(message), {code: 'ERR_ASSERTION'});
};
