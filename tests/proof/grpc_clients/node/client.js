// Calls of each shape by grpc-js, and what its callers rely on; the first that fails ends the process.
const assert = require('assert');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [, , address, proto] = process.argv;
const {TestService} = grpc.loadPackageDefinition(loader.loadSync(proto, {keepCase: true})).grpc.testing;
const client = new TestService(address, grpc.credentials.createInsecure(), {'grpc.max_receive_message_length': -1});
const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';
const MESSAGE = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const unary = (request, metadata = new grpc.Metadata(), options = {}) =>
  new Promise((resolve) => {
    const found = {};
    const call = client.UnaryCall(request, metadata, options, (error, value) => Object.assign(found, {error, value}));
    call.on('metadata', (initial) => (found.initial = initial));
    call.on('status', (status) => setImmediate(() => resolve({...found, status})));
  });

const ended = (call, onData) =>
  new Promise((resolve) => {
    call.on('data', onData);
    call.on('error', () => {});
    call.on('status', (status) => resolve(status.code));
  });

const cases = {
  async unary() {
    assert.equal((await unary({response_size: 100})).value.payload.body.length, 100);
  },
  async large() {
    const found = await unary({response_size: 16 << 20, payload: {body: Buffer.alloc(8 << 20)}});
    assert.equal(found.value.payload.body.length, 16 << 20);
  },
  async metadata() {
    const sent = new grpc.Metadata();
    sent.set(INITIAL, 'a');
    sent.set(TRAILING, Buffer.from([0, 255, 1]));
    const found = await unary({}, sent);
    assert.equal(found.initial.get(INITIAL)[0], 'a');
    assert.deepEqual(found.status.metadata.get(TRAILING)[0], Buffer.from([0, 255, 1]));
  },
  async status() {
    const {error} = await unary({response_status: {code: 9, message: MESSAGE}});
    assert.deepEqual([error.code, error.details], [9, MESSAGE]);
  },
  async requests() {
    const size = await new Promise((resolve, reject) => {
      const call = client.StreamingInputCall((error, value) => (error ? reject(error) : resolve(value)));
      for (let number = 0; number < 1000; number++) call.write({payload: {body: Buffer.alloc(1000)}});
      call.end();
    });
    assert.equal(size.aggregated_payload_size, 1000000);
  },
  async both() {
    const call = client.FullDuplexCall();
    let answers = 0;
    const code = ended(call, () => answers++);
    for (let number = 0; number < 10000; number++) {
      const more = call.write({response_parameters: [{size: number % 100}]});
      if (!more) await new Promise((resume) => call.once('drain', resume));
    }
    call.end();
    assert.deepEqual([await code, answers], [0, 10000]);
  },
  async cancel() {
    const call = client.FullDuplexCall();
    const code = ended(call, () => call.cancel());
    call.write({response_parameters: [{size: 1}]});
    assert.equal(await code, grpc.status.CANCELLED);
  },
  async deadline() {
    const request = {response_parameters: [{size: 1, interval_us: 60000000}]};
    const call = client.StreamingOutputCall(request, {deadline: Date.now() + 300});
    assert.equal(await ended(call, () => {}), grpc.status.DEADLINE_EXCEEDED);
  },
  async many() {
    const all = await Promise.all(Array.from({length: 400}, () => unary({response_size: 1})));
    assert(all.every((found) => !found.error));
  },
};

(async () => {
  for (const [name, run] of Object.entries(cases)) {
    await run();
    console.log(name, 'ok');
  }
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
