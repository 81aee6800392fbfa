//! Connections that have not shown who they are yet: so many of one address, so many together. Whoever
//! opens more than its share shuts out nobody but itself.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

const MOST: usize = 1024;
/// Enough for a rack behind one address that comes back at once; the rest try again.
const MOST_OF_ONE: usize = 48;

/// Counts them.
#[derive(Clone, Default)]
pub(crate) struct Strangers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place; given back when dropped.
pub(crate) struct Stranger {
    all: Strangers,
    from: IpAddr,
}

impl Strangers {
    /// Takes a place, when one is free for this address.
    pub(crate) fn enter(&self, from: IpAddr) -> Option<Stranger> {
        let from = network_of(from);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let together: usize = all.values().sum();
        let own = all.get(&from).copied().unwrap_or(0);
        if together >= MOST || own >= MOST_OF_ONE {
            return None;
        }
        all.insert(from, own + 1);
        Some(Stranger { all: self.clone(), from })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.from) {
            *own -= 1;
            if *own == 0 {
                all.remove(&self.from);
            }
        }
    }
}

/// A holder of an IPv6 network has all its addresses: they count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_shuts_out_only_itself() {
        let strangers = Strangers::default();
        let loud: IpAddr = [192, 0, 2, 1].into();
        let held: Vec<_> = (0..MOST_OF_ONE).map_while(|_| strangers.enter(loud)).collect();
        assert_eq!(held.len(), MOST_OF_ONE);
        assert!(strangers.enter(loud).is_none(), "it has its share");
        assert!(strangers.enter([192, 0, 2, 2].into()).is_some(), "another has its own");
        drop(held);
        assert!(strangers.enter(loud).is_some(), "places come back");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let strangers = Strangers::default();
        let held: Vec<_> = (0..MOST_OF_ONE as u16)
            .map_while(|n| strangers.enter(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n).into()))
            .collect();
        assert_eq!(held.len(), MOST_OF_ONE);
        assert!(strangers.enter(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into()).is_none());
    }
}
