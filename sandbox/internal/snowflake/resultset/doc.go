// Package resultset encodes rows as Snowflake's drivers read them: Arrow streams or JSON, in an
// inline part and chunks.
package resultset
