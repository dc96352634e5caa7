declare const Bosh: new (connection: unknown) => object;
export default Bosh;
