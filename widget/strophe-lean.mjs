// An esbuild plugin: leaves out of strophe.js what a visitor has no use for. He logs in with ANONYMOUS or his token, from his own
// page, so no passwords, no SCRAM, no shared worker.
const unused = /\/(sasl-(external|oauthbearer|plain|sha\d+|xoauth2)|transports\/worker-websocket|mirror)$/;

export default {
  name: 'strophe-lean',
  setup(build) {
    build.onResolve({ filter: unused }, (args) =>
      /[\\/]strophe\.js[\\/]/.test(args.importer) || args.importer.endsWith('.ts')
        ? { path: args.path, namespace: 'unused' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'class Unused {}\nexport { Unused as default, Unused as StreamManagementMirror };',
      loader: 'js',
    }));
  },
};
