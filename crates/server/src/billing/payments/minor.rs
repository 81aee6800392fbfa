//! Amounts as processors count them: in the smallest coin of a currency (ISO 4217).

use api::{Currency, Micros};

/// Currencies without a smaller coin.
const WHOLE: [&str; 14] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF",
];
/// Currencies with thousandths, or that processors count in a way of their own: refused at start.
const ODD: [&str; 9] = ["BHD", "IQD", "ISK", "JOD", "KWD", "LYD", "OMR", "TND", "UGX"];

/// Returns whether payments can be taken in a currency.
pub fn payable(currency: Currency) -> bool {
    !ODD.contains(&currency.as_str())
}

fn coin(currency: Currency) -> Option<i64> {
    let whole = WHOLE.contains(&currency.as_str());
    payable(currency).then_some(if whole { 1_000_000 } else { 10_000 })
}

/// Returns an amount in smallest coins; nothing when it is not a whole number of them.
pub fn of(amount: Micros, currency: Currency) -> Option<i64> {
    let coin = coin(currency)?;
    (amount.0 % coin == 0).then_some(amount.0 / coin)
}

/// Returns an amount of smallest coins; nothing on overflow.
pub fn back(coins: i64, currency: Currency) -> Option<Micros> {
    coins.checked_mul(coin(currency)?).map(Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_coins_there_and_back() {
        let jpy = Currency::parse("JPY").unwrap();
        assert_eq!(of(Micros(12_340_000), Currency::EUR), Some(1234));
        assert_eq!(of(Micros(12_345_000), Currency::EUR), None);
        assert_eq!(of(Micros(12_000_000), jpy), Some(12));
        assert_eq!(of(Micros(12_340_000), jpy), None);
        assert_eq!(back(1234, Currency::EUR), Some(Micros(12_340_000)));
        assert_eq!(back(i64::MAX, Currency::EUR), None);
        assert_eq!(of(Micros(1_000_000), Currency::parse("KWD").unwrap()), None);
    }
}
