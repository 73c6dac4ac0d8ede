/** Types for the function that apache-md5 exports; its own are those of another module system. */

/** The hash of the password with the salt of `salt`, which may be a whole hash: `$apr1$SALT$HASH`. */
export default function apacheMd5(password: string, salt: string): string;
