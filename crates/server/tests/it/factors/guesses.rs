//! Guessing at codes, and using one code twice at once.

use super::{enrol, log_in, told};
use futures::future::join_all;
use server::{
    both,
    testkit::{Engine, World},
};

both! {
    async fn guesses_at_codes_wait_and_after_twenty_a_day(engine: Engine) {
        let limits = [("GPUAAS_IDENTITY__GUESSES_PER_ACCOUNT", "1000"), ("GPUAAS_IDENTITY__GUESSES_PER_ADDRESS", "1000")];
        let world = World::with(engine, &limits).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        let mut tried = 0;
        let mut waited = 0;
        while tried < 20 {
            let answer = log_in(&world, &owner.email, Some("000000")).await;
            match answer.code().as_str() {
                "factor_refused" => tried += 1,
                "rate_limit_exceeded" => {
                    assert!(tried % 5 == 0, "five at a time: {tried}");
                    waited += 1;
                    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
                    world.advance(wait + 1);
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(waited, 3, "a quarter of an hour after each five");
        assert!(told(&world, &owner).await.contains(&"mfa.locked".to_owned()));
        world.advance(3601);
        let code = phone.code(&world);
        assert_eq!(log_in(&world, &owner.email, Some(&code)).await.code(), "rate_limit_exceeded", "for a day");
        assert_eq!(log_in(&world, &owner.email, Some(&phone.codes[0])).await.status, 200, "a recovery code is no guess");
        for _ in 0..25 {
            log_in(&world, &owner.email, Some("00000-00000-00000-00000")).await;
        }
        assert_eq!(log_in(&world, &owner.email, Some(&phone.codes[1])).await.status, 200, "misses are not in its way");
        world.advance(24 * 3600);
        let code = phone.code(&world);
        assert_eq!(log_in(&world, &owner.email, Some(&code)).await.status, 200);
    }
}

both! {
    async fn a_code_proves_something_once_however_many_try_at_once(engine: Engine) {
        let limits = [("GPUAAS_IDENTITY__GUESSES_PER_ACCOUNT", "1000"), ("GPUAAS_IDENTITY__GUESSES_PER_ADDRESS", "1000")];
        let world = World::with(engine, &limits).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        for code in [phone.code(&world), phone.codes[0].clone()] {
            world.advance(1800);
            let code = if code.len() == 6 { phone.code(&world) } else { code };
            let all = join_all((0..4).map(|_| log_in(&world, &owner.email, Some(&code)))).await;
            let passed = all.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(passed, 1, "{:?}", all.iter().map(|a| a.status).collect::<Vec<_>>());
        }
    }
}
