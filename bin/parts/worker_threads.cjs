// A daemon has one thread of its own.
module.exports = {isMainThread: true};
