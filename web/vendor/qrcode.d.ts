/** What the page uses of qrcode-generator. */
interface QRCode {
  addData(data: string, mode?: 'Byte'): void;
  make(): void;
  getModuleCount(): number;
  isDark(row: number, column: number): boolean;
}
declare function qrcode(type: 0, level: 'L' | 'M' | 'Q' | 'H'): QRCode;
export default qrcode;
